with

looked_up_codes as (

    select * from {{ ref('int_looked_up_codes') }}

),

by_column as (

    select
        entity,
        column_name,
        lookup,
        {{ sum_of_counts('row_count') }} as row_count,
        {{ sum_of_counts('case when code is not null then row_count else 0 end') }} as rows_with_code,
        {{ sum_of_counts('case when is_unmapped then row_count else 0 end') }} as unmapped_rows
    from looked_up_codes
    group by entity, column_name, lookup

),

final as (

    select
        entity,
        column_name,
        lookup,
        row_count,
        rows_with_code,
        rows_with_code - unmapped_rows as mapped_rows,
        unmapped_rows,
        {{ ratio('rows_with_code - unmapped_rows', 'rows_with_code') }} as coverage
    from by_column

)

select * from final
