{#-
    For a with: file and line of the delivered rows whose key came more than once, and their current_row_rank; any other
    row is the current one of its key. Keys are counted first and few rows ranked, without their other columns: a window
    over all rows would sort each of them whole.
-#}
{%- macro current_row_ranks(staged, key) -%}
    select
        delivered.source_file,
        delivered.line_number,
        {{ current_row_rank(key, 'delivered') }} as current_row_rank
    from {{ staged }} as delivered
    inner join (
        select {{ key | join(', ') }}
        from {{ staged }}
        where {{ delivered_by_build_month() }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    ) as repeated
        on
            {%- for column in key %}
            {{ 'and ' if not loop.first }}delivered.{{ column }} = repeated.{{ column }}
            {%- endfor %}
    where {{ delivered_by_build_month() }}
{%- endmacro -%}
