with

source as (

    select * from {{ source('ukltd', 'ludf01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('ludf01') }}
    from source

),

typed as (

    select
        {{ typed_columns('ludf01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('ludf01') }}
    from typed

)

select * from final
