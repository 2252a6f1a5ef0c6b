{#- After a build: up to three rows of each data test that warned or failed, since dbt itself only counts them. -#}
{%- macro show_failed_tests(results) -%}
    {%- if execute -%}
        {%- for result in results
            if result.node.resource_type == 'test' and result.status in ('warn', 'fail') -%}
            {%- for row in run_query('select * from (\n' ~ result.node.compiled_code ~ '\n) as failures limit 3').rows -%}
                {%- set values = [] -%}
                {%- for name, value in row.dict().items() if loop.index <= 8 -%}
                    {%- if value is none -%} {%- set shown = 'null' -%}
                    {%- elif value is number and value % 1 -%} {%- set shown = value | round(4) -%}
                    {%- else -%} {%- set shown = value -%}
                    {%- endif -%}
                    {%- do values.append(name ~ ' ' ~ shown) -%}
                {%- endfor -%}
                {%- do print('  ' ~ result.status ~ ' ' ~ result.node.name ~ ': ' ~ values | join(', ')) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
