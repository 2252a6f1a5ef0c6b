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
