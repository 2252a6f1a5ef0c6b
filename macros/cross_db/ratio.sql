{#-
    One number over another as a double; null where the divisor is null or 0. The 0 added makes 0 of -0, which are equal
    and yet differ in bytes.
-#}
{%- macro ratio(dividend, divisor) -%}
    (cast({{ dividend }} as double) / nullif(cast({{ divisor }} as double), 0) + 0e0)
{%- endmacro -%}
