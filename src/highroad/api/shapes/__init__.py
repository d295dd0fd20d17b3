"""From the model to the wire: one file a family of schemas, functions of plain values only."""
