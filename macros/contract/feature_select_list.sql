{#- The features of a relation, for a select list. -#}
{%- macro feature_select_list(relation) -%}
    {%- for feature in feature_columns() -%}
        {{ relation }}.{{ feature.name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro -%}
