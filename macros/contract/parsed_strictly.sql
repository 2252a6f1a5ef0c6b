{#- A text without white space around it as a value of a type that is no varchar; null where it does not parse. -#}
{%- macro parsed_strictly(text, type) -%}
    {%- if type == 'date' -%} {{ parse_date(text) }}
    {%- elif type in ('integer', 'bigint') -%} {{ parse_whole_number(text, type) }}
    {%- elif type == 'double' -%} {{ parse_decimal_number(text) }}
    {%- elif type == 'boolean' -%} {{ parse_boolean(text) }}
    {%- else -%} {{ exceptions.raise_compiler_error(text ~ ': the contract has no type ' ~ type) }}
    {%- endif -%}
{%- endmacro -%}
