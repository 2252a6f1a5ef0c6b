with

source as (

    select * from {{ source('ukltd', 'lusc01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('lusc01') }}
    from source

),

typed as (

    select
        {{ typed_columns('lusc01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('lusc01') }}
    from typed

)

select * from final
