"""Network modules. Each returns its answer and, where there is one, its story (encodings, attention, memory)."""
