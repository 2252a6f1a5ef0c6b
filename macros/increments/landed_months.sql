{#- The months that a staging table has rows of when it is made anew: those of its landed files. A list of YYYY-MM. -#}
{%- macro landed_months() -%}
    {%- set table_name = (model.sources | selectattr(0, 'equalto', 'ukltd') | first)[1] -%}
    {%- set query -%}
        select distinct snapshot_month
        from {{ source('landing', 'landed_files') }}
        where file = '{{ contract_file(table_name) }}' and landed_rows > 0
        order by 1
    {%- endset -%}
    {{- return(run_query(query).columns[0].values() | list) -}}
{%- endmacro -%}
