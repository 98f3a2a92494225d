"""Memory for LLM agents in which forgetting is a first-class, pluggable, inspectable policy."""
