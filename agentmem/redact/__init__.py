"""What is taken out of a text before anything of it is stored."""
