"""Management: the HTTP API with which people and programs change flags. One file per noun."""
