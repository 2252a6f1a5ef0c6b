{#- A text as a value of a line of CSV: in double quotes where it has a comma or a double quote, these doubled. -#}
{%- macro csv_value(text) -%}
    case
        when {{ text }} like '%,%' or {{ text }} like '%"%' then '"' || replace({{ text }}, '"', '""') || '"'
        else {{ text }}
    end
{%- endmacro -%}
