{#- A whole number in digits with at most a minus sign; both engines' try_cast would take 1_000, 1e3 or 16.5 otherwise. -#}
{%- macro parse_whole_number(text, type) -%}
    case
        when {{ regexp_matches(text, '^-?[0-9]+$') }}
            then try_cast({{ text }} as {{ type }})
    end
{%- endmacro -%}
