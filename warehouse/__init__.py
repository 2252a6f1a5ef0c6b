"""Ground floor shared by `ingestion` and `ml`: settings, lake layout, local files, engines, catalog."""
