"""How an engine reads a plan: a KFP v2 pipeline spec."""
