{#- Y or N; try_cast would take yes, 1 or t on one engine and not on the other. -#}
{%- macro parse_boolean(text) -%}
    case {{ text }} when 'Y' then true when 'N' then false end
{%- endmacro -%}
