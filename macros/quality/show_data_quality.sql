{#- After a build: what could not be read, in a line a table, so that nothing is lost in silence, unless QUIET asks for it. -#}
{%- macro show_data_quality(results, rejected_lines, unparseable_values) -%}
    {%- set built = results | map(attribute='node.name') | list if execute else [] -%}
    {%- if 'unparseable_values' in built and 'stg_landing__rejected_lines' in built and not env_var('QUIET', '') -%}
        {%- set rejected -%}
            select 'rejected lines of ' || file as heading, reason_kind as culprit, count(*) as occurrences
            from (
                select file, {{ regexp_replace_all('reason', '^[0-9]+ values? where the header has [0-9]+$', 'number of values differs from the header') }}
                        as reason_kind
                from {{ rejected_lines }}
            ) as lines
            group by file, reason_kind
            order by heading, occurrences desc, culprit
        {%- endset -%}
        {%- set unparseable -%}
            select
                'unparseable values of ' || table_name as heading,
                column_name as culprit,
                sum(unparseable_values) as occurrences
            from {{ unparseable_values }}
            group by table_name, column_name
            order by heading, occurrences desc, culprit
        {%- endset -%}
        {%- for query in (rejected, unparseable) -%}
            {%- for heading, rows in run_query(query).rows | groupby('heading') -%}
                {%- set counts = [] -%}
                {%- for row in rows -%}
                    {%- do counts.append(row['culprit'] ~ ' ' ~ row['occurrences']) -%}
                {%- endfor -%}
                {%- do print('  ' ~ heading ~ ': ' ~ counts | join(', ')) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
