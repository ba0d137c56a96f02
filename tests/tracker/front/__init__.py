"""The public port, as strangers meet it."""
