{#- What not-users are sampled by, the smallest first: md5 of <sample_seed>|<company_number>|<accounts_date YYYY-MM-DD>. -#}
{%- macro sample_key(relation) -%}
    {{ md5_hex(
        "'" ~ var('sample_seed') ~ "|' || " ~ relation ~ ".company_number || '|' || " ~ date_to_text(relation ~ '.accounts_date')
    ) }}
{%- endmacro -%}
