"""Stages of retrieval: what happens around the single search of `agentmem.recall`."""
