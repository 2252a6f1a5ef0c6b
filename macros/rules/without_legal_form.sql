{#- A name in normalised words without the words for a legal form that it ends with. -#}
{%- macro without_legal_form(name) -%}
    {%- set legal_forms = [
        'LIMITED', 'PLC', 'PUBLIC LIMITED COMPANY', 'UNLIMITED', 'LLP', 'LP', 'INC', 'INCORPORATED', 'CORPORATION',
        'LLC', 'N V', 'NV', 'B V', 'BV', 'S A', 'SA', 'GMBH', 'AG', 'AB',
    ] -%}
    {{- regexp_replace_all(name, '( (' ~ legal_forms | join('|') ~ '))+$', '') -}}
{%- endmacro -%}
