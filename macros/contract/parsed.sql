{#- A trimmed text as a value of its contract type; null where it does not parse. -#}
{%- macro parsed(text, type) -%}
    {%- if type == 'varchar' -%} {{ text }}
    {%- elif type == 'date' -%} {{ parse_date(text) }}
    {%- elif type in ('integer', 'bigint') -%} {{ parse_whole_number(text, type) }}
    {%- elif type == 'double' -%} {{ parse_decimal_number(text) }}
    {%- elif type == 'boolean' -%} {{ parse_boolean(text) }}
    {%- else -%} {{ exceptions.raise_compiler_error(text ~ ': the contract has no type ' ~ type) }}
    {%- endif -%}
{%- endmacro -%}
