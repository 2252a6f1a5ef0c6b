{#-
    What `dbt docs generate` reads of the built relations, on Trino: asked for by schema, since the adapter's query by
    relation has a stage for each of them, and Trino takes a hundred.
-#}
{%- macro trino__get_catalog_relations(information_schema, relations) -%}
    {{- return(trino__get_catalog(information_schema, relations | map(attribute='schema') | unique | list)) -}}
{%- endmacro -%}
