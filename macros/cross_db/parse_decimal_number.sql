{#- A number in digits with at most a minus sign and a decimal point. -#}
{%- macro parse_decimal_number(text) -%}
    case
        when {{ regexp_matches(text, '^-?([0-9]+([.][0-9]*)?|[.][0-9]+)$') }}
            then try_cast({{ text }} as double)
    end
{%- endmacro -%}
