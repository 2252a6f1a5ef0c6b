{#- How many of the columns are null in a row. -#}
{%- macro null_count(columns, relation) -%}
    (
    {%- for column in columns -%}
        case when {{ relation }}.{{ column }} is null then 1 else 0 end{{ ' + ' if not loop.last }}
    {%- endfor -%}
    )
{%- endmacro -%}
