"""Files and pictures, file by file."""
