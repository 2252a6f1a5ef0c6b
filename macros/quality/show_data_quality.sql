{#- After a build: what could not be read, in a few lines, so that nothing is lost in silence. -#}
{%- macro show_data_quality(results, rejected_lines, unparseable_values) -%}
    {%- set built = results | map(attribute='node.name') | list if execute else [] -%}
    {%- if 'unparseable_values' in built and 'stg_landing__rejected_lines' in built -%}
        {%- set rejected -%}
            select file, reason_kind, count(*) as line_count
            from (
                select file, {{ regexp_replace_all('reason', '[0-9]+', 'n') }} as reason_kind
                from {{ rejected_lines }}
            ) as lines
            group by file, reason_kind
            order by file, line_count desc, reason_kind
        {%- endset -%}
        {%- set unparseable -%}
            select table_name, column_name, expected_type, sum(unparseable_values), min(example)
            from {{ unparseable_values }}
            group by table_name, column_name, expected_type
            order by table_name, column_name
        {%- endset -%}
        {%- for row in run_query(rejected).rows -%}
            {%- do print('  rejected lines: ' ~ row[0] ~ ': ' ~ row[2] ~ ' x ' ~ row[1]) -%}
        {%- endfor -%}
        {%- for row in run_query(unparseable).rows -%}
            {%- do print('  unparseable values: ' ~ row[0] ~ '.' ~ row[1] ~ ': ' ~ row[3] ~ ' are no ' ~ row[2] ~ ', such as ' ~ row[4]) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
