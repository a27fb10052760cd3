"""Who runs a compiled pipeline spec: one package or module per engine."""
