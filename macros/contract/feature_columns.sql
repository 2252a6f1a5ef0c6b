{#-
    The features, as a list of {name, kind, unit, source_columns, reason}: the columns of the mart to_train that bear
    `config.meta.feature`, in the order of its YAML.
-#}
{%- macro feature_columns() -%}
    {%- set features = [] -%}
    {%- if execute -%}
        {%- set marts = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'model') | selectattr('name', 'equalto', 'to_train') | list -%}
        {%- for column in marts[0].columns.values() if column.config.meta.get('feature') -%}
            {%- do features.append(dict(column.config.meta.feature, name=column.name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(features) -}}
{%- endmacro -%}
