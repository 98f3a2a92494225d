"""Memories with verbs of their own, built on AgentMemory."""
