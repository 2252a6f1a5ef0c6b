{#- The number that up to 15 hexadecimal digits stand for. -#}
{%- macro hex_to_bigint(hex_digits) -%}
    {{- adapter.dispatch('hex_to_bigint')(hex_digits) -}}
{%- endmacro -%}

{%- macro default__hex_to_bigint(hex_digits) -%}
    from_base({{ hex_digits }}, 16)
{%- endmacro -%}

{%- macro duckdb__hex_to_bigint(hex_digits) -%}
    cast('0x' || {{ hex_digits }} as bigint)
{%- endmacro -%}
