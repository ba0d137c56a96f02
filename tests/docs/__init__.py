"""Documents are executed, and generated ones are fresh."""
