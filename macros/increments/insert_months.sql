{#-
    Statements that add rows to a staging table, so many months at a time; all but the last are run here, the last is
    returned. A run killed between two leaves months missing, and the next one types them.
-#}
{%- macro insert_months(relation, columns, selected, batches) -%}
    {%- for months in batches -%}
        {%- set insert -%}
            insert into {{ relation }} ({{ columns }})
            select {{ columns }}
            from {{ selected }}
            where snapshot_month in ('{{ months | join("', '") }}')
        {%- endset -%}
        {%- if loop.last -%} {{ insert }} {%- else -%} {%- do run_query(insert) -%} {%- endif -%}
    {%- endfor -%}
{%- endmacro -%}
