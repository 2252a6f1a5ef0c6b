{#-
    A date written DD/MM/YYYY; null where the text is none, or a day that the calendar does not have; the engines
    differ on a year 0000.
-#}
{%- macro parse_date(text) -%}
    {{- adapter.dispatch('parse_date')(text) -}}
{%- endmacro -%}

{%- macro default__parse_date(text) -%}
    case
        when {{ regexp_matches(text, '^[0-9]{2}/[0-9]{2}/([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])$') }}
            then try(cast(date_parse({{ text }}, '%d/%m/%Y') as date))
    end
{%- endmacro -%}

{%- macro duckdb__parse_date(text) -%}
    case
        when {{ regexp_matches(text, '^[0-9]{2}/[0-9]{2}/([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])$') }}
            then cast(try_strptime({{ text }}, '%d/%m/%Y') as date)
    end
{%- endmacro -%}
