{#-
    The months for which a staging table and the landed files differ: files that landed since, landed again, or are
    gone, and rows that were typed by other rules than today's. A list of YYYY-MM; empty when the table is made anew, and
    where dbt was told not to ask the warehouse.
-#}
{%- macro months_to_type() -%}
    {%- set landed_files = source('landing', 'landed_files') -%}
    {%- set months = [] -%}
    {%- if execute and is_typed_before() -%}
        {%- set table_name = (model.sources | selectattr(0, 'equalto', 'ukltd') | first)[1] -%}
        {%- set query -%}
            with

            landed as (

                select distinct
                    source_file,
                    loaded_at,
                    snapshot_month
                from {{ landed_files }}
                where file = '{{ contract_file(table_name) }}' and landed_rows > 0

            ),

            typed as (

                select distinct
                    source_file,
                    loaded_at,
                    snapshot_month,
                    typing_version
                from {{ this }}

            )

            select distinct coalesce(landed.snapshot_month, typed.snapshot_month) as snapshot_month
            from landed
            full outer join typed
                on
                    landed.source_file = typed.source_file
                    and landed.loaded_at = typed.loaded_at
                    and landed.snapshot_month = typed.snapshot_month
                    and typed.typing_version = '{{ typing_version(table_name) }}'
            where landed.source_file is null or typed.source_file is null
            order by 1
        {%- endset -%}
        {%- do months.extend(run_query(query).columns[0].values()) -%}
    {%- endif -%}
    {{- return(months) -}}
{%- endmacro -%}
