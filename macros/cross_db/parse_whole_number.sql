{#- A whole number in digits with at most a minus sign; both engines' try_cast would take 1_000, 1e3 or 16.5 otherwise. -#}
{%- macro parse_whole_number(text, type) -%}
    {{- adapter.dispatch('parse_whole_number')(text, type) -}}
{%- endmacro -%}

{%- macro default__parse_whole_number(text, type) -%}
    case
        when {{ regexp_matches(text, '^-?[0-9]+$') }}
            then try_cast({{ text }} as {{ type }})
    end
{%- endmacro -%}

{#- A number that DuckDB writes as it was read needs no pattern, which costs more than both casts. -#}
{%- macro duckdb__parse_whole_number(text, type) -%}
    case
        when cast(try_cast({{ text }} as {{ type }}) as varchar) = {{ text }}
            then try_cast({{ text }} as {{ type }})
        when {{ regexp_matches(text, '^-?[0-9]+$') }}
            then try_cast({{ text }} as {{ type }})
    end
{%- endmacro -%}
