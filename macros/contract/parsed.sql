{#-
    A delivered text as a value of its contract type, white space around it left aside; null where it does not parse.
    Nearly every text parses as it was delivered, so only the others are trimmed, which costs as much as the parsing. A
    varchar is trimmed already (see trimmed_columns).
-#}
{%- macro parsed(text, type) -%}
    {%- if type == 'varchar' -%} {{ text }}
    {%- else -%}
        case
            when {{ text }} is not null
                then coalesce({{ parsed_strictly(text, type) }}, {{ parsed_strictly(trimmed(text), type) }})
        end
    {%- endif -%}
{%- endmacro -%}

{#- A text without white space around it as a value of a type that is no varchar; null where it does not parse. -#}
{%- macro parsed_strictly(text, type) -%}
    {%- if type == 'date' -%} {{ parse_date(text) }}
    {%- elif type in ('integer', 'bigint') -%} {{ parse_whole_number(text, type) }}
    {%- elif type == 'double' -%} {{ parse_decimal_number(text) }}
    {%- elif type == 'boolean' -%} {{ parse_boolean(text) }}
    {%- else -%} {{ exceptions.raise_compiler_error(text ~ ': the contract has no type ' ~ type) }}
    {%- endif -%}
{%- endmacro -%}
