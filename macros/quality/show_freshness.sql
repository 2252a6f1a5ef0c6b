{#- After `dbt source freshness`: how long ago the latest month landed, and what that means. -#}
{%- macro show_freshness(results) -%}
    {%- if execute -%}
        {%- set meanings = {'pass': 'in time', 'warn': 'the next delivery is late', 'error': 'the next delivery is overdue'} -%}
        {%- for result in results
            if result.node.resource_type == 'source' and result.status in meanings -%}
            {%- set days = (result.age / 86400) | int -%}
            {%- if result.max_loaded_at.year > 1 -%}
                {%- do print('  latest month landed on ' ~ result.max_loaded_at.date() ~ ', ' ~ days ~ ' days ago: ' ~ meanings[result.status]) -%}
            {%- else -%}
                {%- do print('  nothing has been landed') -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
