"""Network modules. An encoder returns its output and its intermediates (encodings, attention, carry)."""
