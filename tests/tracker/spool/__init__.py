"""The spool: nothing that was acknowledged is lost, nothing is made up, whatever the disk does."""
