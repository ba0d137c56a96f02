"""rewriter: mail in, followed mail out, with a reason for whatever is not followed."""
