{#- Condition of a staging model on its source: every row when the table is made anew, else those of the months to type. -#}
{%- macro delivered_and_not_yet_typed() -%}
    {%- set months = months_to_type() -%}
    {%- if not is_typed_before() -%} true
    {%- elif months -%} snapshot_month in ('{{ months | join("', '") }}')
    {%- else -%} false
    {%- endif -%}
{%- endmacro -%}
