{#-
    A number in digits with at most a minus sign and a decimal point; more than 15 digits before the point are no
    amount of anything, and more still would become infinite.
-#}
{%- macro parse_decimal_number(text) -%}
    case
        when {{ regexp_matches(text, '^-?([0-9]{1,15}([.][0-9]*)?|[.][0-9]+)$') }}
            then try_cast({{ text }} as double)
    end
{%- endmacro -%}
