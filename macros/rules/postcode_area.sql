{#- The one or two letters that begin a postcode; null where it begins with none. -#}
{%- macro postcode_area(postcode) -%}
    {%- set start = 'substr(upper(' ~ postcode ~ '), 1, ' -%}
    case
        when {{ regexp_matches(start ~ '2)', '^[A-Z]{2}$') }} then {{ start }}2)
        when {{ regexp_matches(start ~ '1)', '^[A-Z]$') }} then {{ start }}1)
    end
{%- endmacro -%}
