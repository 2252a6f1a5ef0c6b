{#- (now - previous) / |previous|; null where previous is null or 0. -#}
{%- macro growth(now, previous) -%}
    (cast({{ now }} as double) - cast({{ previous }} as double)) / nullif(abs(cast({{ previous }} as double)), 0)
{%- endmacro -%}
