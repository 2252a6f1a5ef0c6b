"""Pictures of the dbt project, drawn from its manifest: the lineage of all models, and the marts as entities."""
