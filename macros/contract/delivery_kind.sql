{#- stock or monthly, by the name of the delivered text file. -#}
{%- macro delivery_kind(source_file) -%}
    case when {{ source_file }} like {{ stock_file_pattern() }} escape '^' then 'stock' else 'monthly' end
{%- endmacro -%}
