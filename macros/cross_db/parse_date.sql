{#- A date written DD/MM/YYYY; null where the text is none, or a day that the calendar does not have. -#}
{%- macro parse_date(text) -%}
    {{- adapter.dispatch('parse_date')(text) -}}
{%- endmacro -%}

{%- macro default__parse_date(text) -%}
    case
        when {{ regexp_matches(text, '^[0-9]{2}/[0-9]{2}/[0-9]{4}$') }}
            then try(cast(date_parse({{ text }}, '%d/%m/%Y') as date))
    end
{%- endmacro -%}

{%- macro duckdb__parse_date(text) -%}
    case
        when {{ regexp_matches(text, '^[0-9]{2}/[0-9]{2}/[0-9]{4}$') }}
            then cast(try_strptime({{ text }}, '%d/%m/%Y') as date)
    end
{%- endmacro -%}
