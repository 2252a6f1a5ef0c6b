{#- 0 to 99, the same for all rows of a company: the first 8 hexadecimal digits of md5(company_number), modulo 100. -#}
{%- macro split_bucket(company_number) -%}
    cast({{ hex_to_bigint("substr(" ~ md5_hex(company_number) ~ ", 1, 8)") }} % 100 as integer)
{%- endmacro -%}
