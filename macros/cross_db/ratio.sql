{#- One number over another as a double; null where the divisor is null or 0. -#}
{%- macro ratio(dividend, divisor) -%}
    cast({{ dividend }} as double) / nullif(cast({{ divisor }} as double), 0)
{%- endmacro -%}
