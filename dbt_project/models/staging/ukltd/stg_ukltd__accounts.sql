with

source as (

    select * from {{ source('ukltd', 'ac01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('ac01') }}
    from source

),

typed as (

    select
        {{ typed_columns('ac01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('ac01') }}
    from typed

)

select * from final
